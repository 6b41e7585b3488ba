"""The commands of llgmin; each is imported when it is called."""

from llcommon.cli.program import program

main = program(
    "llgmin",
    "Find the global minimum of a loss function and the low minima around it.",
    {
        "new": ("llgmin.template:new", "Write a commented TOML file for a loss model."),
        "run": ("llgmin.commands:run", "Search for minima: basin-hopping and other methods."),
        "train": ("llgmin.traincommand:train", "Train from many starts, and quench the ends to minima."),
        "linear-path": (
            "llgmin.linearpathcommand:linear_path",
            "Follow the loss on lines from start to end of training.",
        ),
        "quench": ("llgmin.commands:quench", "Minimise from given or random points, without a search."),
        "score": ("llgmin.scorecommand:score", "Score minima by their predictions on training and test data."),
        "predict": ("llgmin.exportcommand:predict", "Predict for new rows of data with a minimum."),
        "export": ("llgmin.exportcommand:export", "Write a minimum as a predictor for scikit-learn, PyTorch or NumPy."),
        "stats": ("llgmin.statscommand:stats", "Say how a search went, and what it has probably not found."),
        "plot": ("llgmin.statscommand:plot", "Draw how a search went."),
        "list": ("llcommon.filecommands:list_points", "List what a landscape file holds."),
        "show": ("llcommon.filecommands:show", "Show a landscape file, or one of its points."),
        "check": ("llcommon.checkcommand:check", "Verify everything in a landscape file anew."),
    },
)
