"""The commands of lloptim; each is imported when it is called."""

from llcommon.cli.program import program

main = program(
    "lloptim",
    "Connect minima of a loss function by transition states.",
    {
        "connect": ("lloptim.commands:connect", "Connect pairs of minima by transition states."),
        "saddle": ("lloptim.commands:saddle", "Find a transition state from one point."),
        "path": ("lloptim.commands:path", "Follow the path down both sides of a transition state."),
        "list": ("llcommon.filecommands:list_points", "List what a landscape file holds."),
        "show": ("llcommon.filecommands:show", "Show a landscape file, or one of its points."),
        "check": ("llcommon.filecommands:check", "Verify everything in a landscape file anew."),
    },
)
