"""An adapter leaves the lab as a folder or a zip: whole, only once, and only when there is one."""

import json
import zipfile

import pytest
from click.testing import CliRunner
from colours import created

from lab import export
from lab.cli import cli
from lab.errors import InputError
from lab.home import ASSETS

MODEL = ASSETS / "tiny-llama"


@pytest.fixture
def run(colours):
    """A run that has ended, with an adapter."""
    run = created(colours, MODEL)
    (run.adapter / "inner").mkdir(parents=True)
    for name in ("adapter_model.safetensors", "task.yaml", "inner/file"):
        (run.adapter / name).write_text(name)
    run.end("finished")
    return run


def test_the_folder_and_the_zip_hold_the_adapter(run, tmp_path):
    folder, packed = export.to_folder(run, tmp_path / "out"), export.to_zip(run, tmp_path / "out")
    names = {"adapter_model.safetensors", "task.yaml", "inner/file"}
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == names
    with zipfile.ZipFile(packed) as found:
        assert {name: found.read(name).decode() for name in found.namelist()} == {f"{run.id}/{x}": x for x in names}
    assert packed.read_bytes() == export.to_zip(run, tmp_path / "again").read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [run.id, f"{run.id}.zip"]


def test_what_is_there_already_stays(run, tmp_path):
    for make in (export.to_folder, export.to_zip):
        before = make(run, tmp_path / "out")
        with pytest.raises(InputError, match="there already"):
            make(run, tmp_path / "out")
        assert before.exists()


def test_a_run_without_an_adapter_or_at_work_has_nothing_to_export(run, tmp_path):
    with run.hold(), pytest.raises(InputError, match="no adapter to export"):
        run.renew()
        export.to_zip(run, tmp_path / "out")
    (run.adapter / "adapter_model.safetensors").unlink()
    for make in (export.to_folder, export.to_zip):
        with pytest.raises(InputError, match="no adapter to export"):
            make(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command(run, tmp_path):
    words = ["run", "export", run.id, "--to", str(tmp_path / "out"), "--json"]
    for more, name in (([], run.id), (["--zip"], f"{run.id}.zip")):
        done = CliRunner().invoke(cli, [*words, *more])
        assert json.loads(done.stdout) == {"id": run.id, "path": str(tmp_path / "out" / name)}
        assert CliRunner().invoke(cli, [*words, *more]).exit_code == 2
