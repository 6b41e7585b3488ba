"""Batches of searches as processes of lloptim, run by anything with the interface of `concurrent.futures`.

`batch` says what a batch is and writes its files; `running` runs one, as a function that can be sent to another
machine; `engine` submits batches, looks after those that fail and hands over what was found. Where the function runs is
the executor's business: `local` has processes of this machine.
"""
