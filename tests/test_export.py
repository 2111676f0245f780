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


def test_the_folder_and_the_zip_hold_the_adapter(colours, run, tmp_path):
    left = export.parcel(colours, run.id)
    folder, packed = export.to_folder(left, tmp_path / "out"), export.to_zip(left, tmp_path / "out")
    names = {"adapter_model.safetensors", "task.yaml", "inner/file"}
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == names
    with zipfile.ZipFile(packed) as found:
        assert {name: found.read(name).decode() for name in found.namelist()} == {f"{run.id}/{x}": x for x in names}
    assert packed.read_bytes() == export.to_zip(left, tmp_path / "again").read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [run.id, f"{run.id}.zip"]


def test_what_is_there_already_stays(colours, run, tmp_path):
    left = export.parcel(colours, run.id)
    for make in (export.to_folder, export.to_zip):
        before = make(left, tmp_path / "out")
        with pytest.raises(InputError, match="there already"):
            make(left, tmp_path / "out")
        assert before.exists()


def test_a_run_without_an_adapter_or_at_work_has_nothing_to_export(colours, run):
    with run.hold(), pytest.raises(InputError, match="no adapter to export"):
        run.renew()
        export.parcel(colours, run.id)
    (run.adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(InputError, match="no adapter to export"):
        export.parcel(colours, run.id)


@pytest.mark.parametrize("name", ["tiny-1@7", "tiny-1@x", "tiny-1@", "base", "../tiny-1", "tiny-9"])
def test_what_is_not_there_is_not_exported(colours, run, name):
    with pytest.raises(InputError):
        export.parcel(colours, name)


def test_a_place_that_is_a_file_is_told(colours, run, tmp_path):
    (tmp_path / "out").write_text("")
    for make in (export.to_folder, export.to_zip):
        with pytest.raises(InputError, match="is a file"):
            make(export.parcel(colours, run.id), tmp_path / "out" / "inner")


@pytest.mark.parametrize("is_zip", [False, True])
def test_what_a_job_made_moves_to_another_disk_too(tmp_path, monkeypatch, is_zip):
    made = tmp_path / "made" / ("run-merged.zip" if is_zip else "run-merged")
    made.parent.mkdir()
    if is_zip:
        made.write_text("weights")
    else:
        made.mkdir()
        (made / "weights").write_text("weights")

    def rename(path, target):
        if path == made:
            raise OSError(18, "Invalid cross-device link")
        return real(path, target)

    real = type(made).rename
    monkeypatch.setattr(type(made), "rename", rename)
    there = export.moved(made, tmp_path / "out")
    assert (there if is_zip else there / "weights").read_text() == "weights"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [made.name]


def test_the_command(run, tmp_path):
    words = ["run", "export", run.id, "--to", str(tmp_path / "out"), "--json"]
    for more, name in (([], run.id), (["--zip"], f"{run.id}.zip")):
        done = CliRunner().invoke(cli, [*words, *more])
        found = json.loads(done.stdout)
        assert (found["id"], found["path"]) == (run.id, str(tmp_path / "out" / name))
        assert CliRunner().invoke(cli, [*words, *more]).exit_code == 2
