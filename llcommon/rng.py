"""Random numbers: independent streams by name, and states that can be stored.

A stream depends on the seed and on the keys that name its purpose (chain number, pair,
attempt) and on nothing else: neither the order in which work is done nor the number of
processes changes what is drawn.
"""

import hashlib
import operator

import numpy as np

from llcommon.config import canonical_json
from llcommon.errors import InputError


def generator(seed: int, *keys: int | str) -> np.random.Generator:
    """The stream of random numbers that `seed` and `keys` name.

    SHA-256 of seed and keys seeds a PCG64 (M. E. O'Neill, report HMC-CS-2014-0905), so streams
    of different keys are independent, and equal on every platform. The integer 1 and the
    string "1" are different keys. TypeError for keys of other types.
    """
    name = [operator.index(seed)]
    for key in keys:
        name.append(key if isinstance(key, str) else operator.index(key))
    digest = hashlib.sha256(canonical_json(name).encode()).digest()
    entropy = int.from_bytes(digest, "big")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def state_of(rng: np.random.Generator) -> dict:
    """The state of a generator made here, JSON-able.

    The two 128-bit words are decimal strings, since JSON readers may round large numbers.
    """
    state = rng.bit_generator.state
    return {
        "bit_generator": state["bit_generator"],
        "state": str(state["state"]["state"]),
        "increment": str(state["state"]["inc"]),
        "has_half": int(state["has_uint32"]),
        "half": int(state["uinteger"]),
    }


def from_state(state: dict) -> np.random.Generator:
    """The generator whose state was stored: it goes on bit for bit. InputError if it is damaged."""
    bit_generator = np.random.PCG64(0)
    try:
        bit_generator.state = {
            "bit_generator": state["bit_generator"],
            "state": {"state": int(state["state"]), "inc": int(state["increment"])},
            "has_uint32": int(state["has_half"]),
            "uinteger": int(state["half"]),
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        message = "The stored state of the random numbers is damaged; start the search from its seed"
        raise InputError(message) from error
    return np.random.Generator(bit_generator)
