"""Makes NAME.train.csv and NAME.test.csv of every data set here from raw/, scikit-learn and fixed seeds.

Which rows are held out was fixed before anything was fitted: random ones, but for `airline`, whose test rows are the
two years after its training rows. README.md names the sources.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes, make_friedman1

RAW = Path("raw")


def read(name: str, kind=float) -> np.ndarray:
    """The columns of a file of raw/, without its header: (rows, columns)."""
    return np.loadtxt(RAW / f"{name}.csv", delimiter=",", skiprows=1, dtype=kind)


def write(name: str, columns: str, train: np.ndarray, test: np.ndarray) -> None:
    for part, rows in (("train", train), ("test", test)):
        np.savetxt(f"{name}.{part}.csv", rows, fmt="%.7g", delimiter=",", header=columns, comments="")


def split(rows: np.ndarray, training: int, seed: int, testing: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Random rows for training and others (all, or `testing` of them) for the test, in the order of the data."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[np.sort(order[:training])], rows[np.sort(order[training:][:testing])]


def sine(rows: int, seed: int) -> np.ndarray:
    """0.5 sin 3x with normal noise of standard deviation 0.3, as of examples/gp."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0.0, 5.0, rows))
    return np.column_stack([x, 0.5 * np.sin(3.0 * x) + 0.3 * rng.standard_normal(rows)])


def friedman(rows: int, seed: int) -> np.ndarray:
    """Friedman's first function of five features with noise of standard deviation 1."""
    features, targets = make_friedman1(rows, n_features=5, noise=1.0, random_state=seed)
    return np.column_stack([features, targets])


def co2() -> np.ndarray:
    """Monthly means of the weekly values of 1990 to 1994, at the middle of the month in years after 1990."""
    dates, values = read("co2", str).T
    kept = values != ""
    months = (dates[kept].astype("U6").astype(int) // 100 - 1990) * 12 + dates[kept].astype("U6").astype(int) % 100 - 1
    values = values[kept].astype(float)
    return np.array([((month + 0.5) / 12.0, values[months == month].mean()) for month in range(60)])


def airline() -> tuple[np.ndarray, np.ndarray]:
    """ln of the passengers over years after 1949: four years, and the two that follow."""
    time, passengers = read("airline").T
    rows = np.column_stack([time - 1949.0, np.log(passengers)])
    return rows[:48], rows[48:72]


def diabetes() -> np.ndarray:
    """Progression by age, body mass index, blood pressure and s5, the logarithm of triglycerides."""
    loaded = load_diabetes(scaled=False)
    return np.column_stack([loaded.data[:, [0, 2, 3, 8]], loaded.target])


write("sine", "x,y", sine(20, 9), sine(200, 90))
write("sine-few", "x,y", sine(12, 12), sine(200, 120))
write("faithful", "eruption,waiting", *split(read("faithful"), 15, 1))
write("motorcycle", "time,acceleration", *split(read("motorcycle"), 88, 2))
write("nile", "year,flow", *split(read("nile"), 60, 3))
write("co2", "year,co2", *split(co2(), 36, 4))
write("airline", "year,ln_passengers", *airline())
write("diabetes", "age,bmi,bp,s5,progression", *split(diabetes(), 60, 5, 200))
write("friedman", "x1,x2,x3,x4,x5,y", friedman(40, 6), friedman(200, 60))
write("friedman-few", "x1,x2,x3,x4,x5,y", friedman(20, 7), friedman(200, 70))
