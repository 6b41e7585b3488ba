"""Loss models that users write: a class in a Python file, or one that an installed package offers as an entry point.

source     reading a file or entry point, and running it
object     an object of the class, asked with care
model      the object behind the numerical seam
kernels    compiled code calling back into Python
differences  what stands in for a missing Hessian
checks     what is looked at once before a search
stored     a model in a landscape file, whose source has not been run
"""
