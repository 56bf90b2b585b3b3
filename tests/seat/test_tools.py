"""The programs with which a student edits, looks, keeps and carries on."""

from __future__ import annotations

from terminal import BASH, Terminal


def test_an_editor_a_pager_and_a_terminal_that_stays(terminal: Terminal, name: str) -> None:
    terminal.run(f"mkdir {name} && cd {name}")
    terminal.type("nano hello.py")
    terminal.see("New File")
    terminal.type("for n in range(3):")
    terminal.type('    print("hello", n)')
    terminal.press_ctrl("o")
    terminal.see("Write: hello.py|File Name to Write: hello.py")
    terminal.type("")
    terminal.see(r"Wrote \d lines")
    terminal.press_ctrl("x")
    terminal.see(BASH.prompt)
    assert terminal.run("python3 hello.py").splitlines() == ["hello 0", "hello 1", "hello 2"]

    terminal.type("seq 1000 | less")
    terminal.see(r"[\r\n]:")
    terminal.press("G")
    terminal.see("1000")
    terminal.press("q")
    terminal.see(BASH.prompt)

    terminal.type(f"tmux new-session -s {name}")
    terminal.see("student@edge")  # the prompt of the shell in it
    terminal.type("echo $((6 * 7)) > answer")
    terminal.see("answer.*student@edge")
    terminal.press_ctrl("b")
    terminal.press("d")
    terminal.see(rf"detached \(from session {name}\)")
    terminal.see(BASH.prompt)
    terminal.run("until [ -s answer ]; do sleep 0.2; done")
    assert terminal.run("cat answer") == "42"
    assert f"{name}: 1 windows" in terminal.run("tmux list-sessions")
    terminal.run(f"tmux kill-session -t {name}")

    identity = "-c user.name=Ada -c user.email=ada@class.example"
    terminal.run(f"git init -q . && git add hello.py && git {identity} commit -q -m 'Say hello'")
    assert terminal.run("git log --format=%s") == "Say hello"
    assert "list directory contents" in terminal.run("man ls | head -n 5")
    terminal.run("vim --version | head -n 1; wget --version | head -n 1; tree --version; nc -h 2>&1 | head -n 1")
    assert (
        terminal.run("curl -s http://resourcemanager:8088/ws/v1/cluster/info | jq -r .clusterInfo.state") == "STARTED"
    )
    assert "1 brokers:" in terminal.run("kcat -b kafka1:9092 -L")
