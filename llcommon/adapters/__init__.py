"""What turns a model of PyTorch or JAX into a user's loss model; for files that `[loss] model` names.

torch, jax: base classes. Neither library is imported before its module is, and neither is needed for anything else.
"""
