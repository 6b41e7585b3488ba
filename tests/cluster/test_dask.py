"""Growth in the workers of a real Dask scheduler, some of which are killed."""

import importlib.util
import sys

import pytest
from driving import files, run, started, xor_minima

from llcommon.errors import InputError
from llpathsample.engines import daskcluster

if importlib.util.find_spec("distributed") is None:
    pytest.skip("needs Dask: pip install distributed", allow_module_level=True)

from dask_sandbox import dask

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
GROW = ("llpathsample", "grow", "minima.h5", "--set", "grow.attempts=1", "--set", "grow.batch=1", "-o")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """minima.h5 and whole.h5, grown by local processes."""
    path = tmp_path_factory.mktemp("dask")
    xor_minima(path)
    run(*GROW, "whole.h5", cwd=path)
    return path


@LINUX
def test_workers_and_scheduler_are_killed(folder, tmp_path):
    """A batch whose worker is lost is done by another; without scheduler the growth stops, and goes on elsewhere."""
    whole = (folder / "whole.h5").read_bytes()
    with dask(tmp_path / "dask", 2) as cluster:
        with started(*GROW, "grown.h5", "--dask", cluster.address, cwd=folder) as growth:
            assert cluster.wait_for_work(0), growth.said
            cluster.workers[0].kill()
            assert growth.wait() == 0, growth.said
        assert (folder / "grown.h5").read_bytes() == whole
        with started(*GROW, "torn.h5", "--dask", cluster.address, cwd=folder) as growth:
            assert cluster.wait_for_work(1), growth.said
            cluster.scheduler.kill()
            assert growth.wait() == 75, growth.said
        assert "stopped by the loss of the Dask scheduler" in growth.said and "run the same command" in growth.said
        assert "Traceback" not in growth.said, growth.said
    run(*GROW, "torn.h5", "--dask", "local", "-j", 1, cwd=folder)
    assert (folder / "torn.h5").read_bytes() == whole
    assert not [name for name in files(folder) if "batch" in name]


def test_without_a_scheduler(monkeypatch):
    monkeypatch.setattr(daskcluster, "_CONNECT_SECONDS", 0.3)
    with pytest.raises(InputError, match="^no Dask scheduler answers at tcp://127.0.0.1:9; start one with"):
        daskcluster.DaskExecutor("tcp://127.0.0.1:9", 1)
