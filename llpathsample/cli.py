"""The commands of llpathsample; each is imported when it is called."""

from llcommon.cli.program import program

main = program(
    "llpathsample",
    "Grow, analyse and draw the network of minima and transition states of a loss function.",
    {
        "grow": ("llpathsample.commands:grow", "Connect the minima of a landscape into one network."),
        "plan": ("llpathsample.plancommand:plan", "Choose pairs to connect, for batch jobs."),
        "merge": ("llpathsample.mergecommand:merge", "Merge landscape files of one model."),
        "stats": ("llpathsample.commands:stats", "Count minima, transition states and components."),
        "tree": ("llpathsample.treecommand:tree", "Draw the disconnectivity graph."),
        "path": ("llpathsample.commands:path", "Find the lowest path between two minima."),
        "heat-capacity": (
            "llpathsample.heatcapacitycommand:heat_capacity",
            "Compute the heat capacity, its peaks and what makes them.",
        ),
        "occupations": ("llpathsample.thermocommands:occupations", "Compute equilibrium occupations of minima."),
        "entropy": ("llpathsample.thermocommands:entropy", "Compute Shannon's and the thermodynamic entropy."),
        "free-energy": ("llpathsample.thermocommands:free_energy", "Compute free energies of minima and groups."),
        "frustration": ("llpathsample.frustrationcommand:frustration", "Compare the frustration of landscapes."),
        "network": ("llpathsample.networkcommand:network", "Measure degrees, clustering, path lengths of the network."),
        "communities": ("llpathsample.communitiescommand:communities", "Find communities; compare them with clusters."),
        "basins": ("llpathsample.basinscommand:basins", "List monotonic sequence basins and count funnels."),
        "basin-volume": ("llpathsample.basinvolumecommand:basin_volume", "Measure basins of attraction."),
        "rates": ("llpathsample.ratescommand:rates", "Compute rates and passage times between two sets."),
        "fastest-paths": (
            "llpathsample.fastestpathscommand:fastest_paths",
            "Find the paths that contribute most to a rate.",
        ),
        "first-passage": (
            "llpathsample.firstpassagecommand:first_passage",
            "Compute the distribution of first-passage times.",
        ),
        "regroup": ("llpathsample.regroupcommand:regroup", "Group minima by free energy, rate or loss."),
        "robustness": ("llpathsample.robustnesscommand:robustness", "Measure robustness of minima beside test scores."),
        "ensemble": ("llpathsample.ensemblecommand:ensemble", "Compare ensembles of minima with single ones."),
        "interpret": (
            "llpathsample.interpretcommand:interpret",
            "Compare weights, units and features of funnels.",
        ),
        "slice": ("llpathsample.slicecommand:slice_plane", "Draw the loss on a plane, with minima and training runs."),
        "choose-k": ("llpathsample.choosekcommand:choose_k", "Choose a number of clusters by landscapes of K-means."),
        "choose": ("llpathsample.choosecommand:choose", "Choose a setting by the landscapes of several values."),
        "bayes": ("llpathsample.bayescommand:bayes", "Compare point estimate, mixed minima and posterior of a gp."),
        "report": ("llpathsample.reportcommand:report", "Write one page with all of a landscape."),
        "import": ("llpathsample.importcommand:import_network", "Import a network of another program, verified."),
        "export": ("llpathsample.exportcommand:export_network", "Write a network for another program."),
        "distance": ("llpathsample.distancecommand:distance", "Measure the distance of two minima after alignment."),
        "prune": ("llpathsample.admincommands:prune", "Leave out what is unconnected, high, or hardly connected."),
        "remove": ("llpathsample.admincommands:remove", "Leave out some points."),
        "retain": ("llpathsample.admincommands:retain", "Leave out all but some points."),
        "extract": ("llpathsample.admincommands:extract", "Take a part out into a file of its own."),
        "recompute": (
            "llpathsample.recomputecommand:recompute",
            "Compute LPPHE, eigenvalues and symmetry orders anew.",
        ),
        "list": ("llcommon.filecommands:list_points", "List what a landscape file holds."),
        "show": ("llcommon.filecommands:show", "Show a landscape file, or one of its points."),
        "check": ("llcommon.checkcommand:check", "Verify everything in a landscape file anew."),
    },
)
