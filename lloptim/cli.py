"""The commands of lloptim; each is imported when it is called."""

from llcommon.cli.program import program

main = program(
    "lloptim",
    "Connect minima of a loss function by transition states.",
    {
        "connect": ("lloptim.commands:connect", "Connect pairs of minima by transition states."),
        "minimise": ("lloptim.pointcommands:minimise", "Quench one point to a minimum."),
        "saddle": ("lloptim.saddlecommand:saddle", "Find transition states from one point, or around minima."),
        "band": ("lloptim.pointcommands:band", "Relax one band between two minima and show it."),
        "spectrum": ("lloptim.spectrumcommand:spectrum", "Hessian eigenvalues of one point, and their modes."),
        "path": ("lloptim.commands:path", "Follow the path down both sides of a transition state."),
        "list": ("llcommon.filecommands:list_points", "List what a landscape file holds."),
        "show": ("llcommon.filecommands:show", "Show a landscape file, or one of its points."),
        "check": ("llcommon.checkcommand:check", "Verify everything in a landscape file anew."),
    },
)
