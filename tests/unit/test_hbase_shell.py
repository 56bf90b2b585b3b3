"""The shell of an older HBase, fitted to the one that runs: only what is known to differ is changed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from streamlab.paths import IMAGES

FIT = IMAGES / "hbase" / "bin" / "fit-shell"
SHELL = {
    "shell.rb": "  commands: %w[\n    compact_rs\n    trace\n    split\n  ]\n",
    "hbase/admin.rb": "org.apache.hadoop.hbase.zookeeper.ZKUtil.dump(@zk_wrapper)\n",
    "shell/commands/trace.rb": "the class that it names is gone\n",
    "shell/commands/split.rb": "as it was\n",
}


def fitted(tmp_path: Path, files: dict[str, str]) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    given, made = tmp_path / "given.jar", tmp_path / "made.jar"
    with zipfile.ZipFile(given, "w") as jar:
        for name, text in files.items():
            jar.writestr(name, text)
    done = subprocess.run([sys.executable, FIT, given, made], capture_output=True, text=True, check=False)
    if done.returncode:
        return done, {}
    with zipfile.ZipFile(made) as jar:
        return done, {name: jar.read(name).decode() for name in jar.namelist()}


def test_it_names_what_the_running_version_has(tmp_path: Path) -> None:
    _, found = fitted(tmp_path, SHELL)
    assert found == {
        "shell.rb": "  commands: %w[\n    compact_rs\n    split\n  ]\n",
        "hbase/admin.rb": "org.apache.hadoop.hbase.zookeeper.ZKDump.dump(@zk_wrapper)\n",
        "shell/commands/split.rb": "as it was\n",
    }


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {**SHELL, "hbase/admin.rb": "ZKDump already\n"},
            "error: hbase/admin.rb has b'zookeeper.ZKUtil.dump(' 0 times",
        ),
        ({"shell.rb": SHELL["shell.rb"]}, "has no hbase/admin.rb, shell/commands/trace.rb"),
    ],
)
def test_another_shell_fails_the_build(tmp_path: Path, files: dict[str, str], said: str) -> None:
    done, _ = fitted(tmp_path, files)
    assert done.returncode == 1
    assert said in done.stderr
