"""The lab's tasks: a table of contents. The code is in the package `streamlab`.

Imports are inside the tasks, so that `invoke --list` and a mistyped command answer at once.
"""

from __future__ import annotations

from invoke import Collection

from streamlab.tasks import lab_task, load, with_words


@lab_task
def roster(_, from_, name="class", to="inventory/class.yml", ports_from=0, subnets=None, columns=None,
           encoding=None):  # fmt: skip
    """Make an inventory from a list of students: --from students.csv."""
    from streamlab.students import roster as rosters

    rosters.make(from_, to, name, ports_from=ports_from, subnets=subnets, given_columns=columns, encoding=encoding)


@lab_task
def demo(_, inventory=None, student=None):
    """From nothing to a model's predictions on a real cluster."""
    from streamlab import demo as demonstration

    lab = load(inventory)
    demonstration.demo(lab, lab.student(student))


@lab_task
def capacity(_, inventory=None, at_work=0):
    """How many students of which size fit each Docker host."""
    from streamlab.stacks import capacity as capacities

    capacities.report(load(inventory), at_work=at_work)


@lab_task
def provision(_, inventory=None, student=None, limit=None, check=False, overcommit=False, take_over=False,
              verbose=False):  # fmt: skip
    """Bring every student's cluster up, and prove each service."""
    from streamlab.stacks import provision as provisioning

    lab, do = load(inventory), provisioning.preview if check else provisioning.provision
    do(lab, lab.chosen(student, limit), overcommit=overcommit, take_over=take_over, verbose=verbose)


@lab_task(seat=True)
def prove(_, inventory=None, student=None, limit=None, service=None, seconds=60, cluster=None):
    """Ask every service a real question (or one: --service kafka)."""
    from streamlab.stacks import prove as proofs

    proofs.prove_all(load(inventory, cluster).chosen(student, limit), [service] if service else None, seconds=seconds)


@lab_task(iterable=["set"], seat=True)
def submit(_, job, inventory=None, student=None, limit=None, at_once=None, preset=None, set=None, continuous=False,
           detach=False, driver_memory=None, executor_memory=None, executors=None, cluster=None):  # fmt: skip
    """Run a lesson (lesson08), one step (lesson08/train) or a folder on YARN."""
    from streamlab.work import submit as submission
    from streamlab.work.request import request

    resources = {"driver_memory_mb": driver_memory, "executor_memory_mb": executor_memory, "executors": executors}
    wanted = request(job, preset=preset, given=set, continuous=continuous, detach=detach, resources=resources)
    lab = load(inventory, cluster)
    submission.submit_each(lab, lab.explicitly_chosen(student, limit), wanted, at_once=at_once)


@lab_task(seat=True)
def check(_, job=None, inventory=None, student=None, limit=None, json=False, csv=None, cluster=None):
    """Check the results of a lesson (or of all lessons) from outside."""
    from streamlab.students.inventory import EVERYBODY
    from streamlab.work import check as checks
    from streamlab.work import check_table

    students = load(inventory, cluster).explicitly_chosen(student, limit)
    if student == EVERYBODY or limit or csv:
        check_table.report(students, job, as_json=json, csv_file=csv)
    else:
        checks.report(students[0], job, as_json=json)


@lab_task(seat=True)
def reset(_, job, inventory=None, student=None, limit=None, yes=False, cluster=None):
    """Bring one lesson back to its start."""
    from streamlab.work import check as checks

    checks.reset_each(load(inventory, cluster).explicitly_chosen(student, limit), job, yes=yes)


@lab_task
def fetch_output(_, job, inventory=None, student=None, to=None):
    """Bring a job's output files (plots, reports) to this machine."""
    from streamlab.work import fetch

    fetch.fetch_output(load(inventory).student(student), job, to)


@lab_task(seat=True)
def new(_, job, like, to="."):
    """Make a job of your own: --job mywork --like lesson04."""
    from streamlab.lessons import scaffold

    scaffold.make_like(job, like, to)


@lab_task(seat=True)
def exercise(_, job, name=None, to=".", language="en"):
    """Get a lesson's exercise: a program with gaps to fill in."""
    from streamlab.lessons import exercise as exercises

    exercises.hand_out(job, name, to, language)


@lab_task(seat=True)
def hand_in(_, job=None, detach=False):
    """Hand in an exercise on the edge node; without --job, list them."""
    from streamlab.grading import hand_in as handing

    handing.hand_in(job, detach=detach)


@lab_task
def collect(_, inventory=None, student=None, limit=None, to=None):
    """Fetch what students have handed in, with the time it was received."""
    from streamlab.grading import collect as collecting

    collecting.collect_each(load(inventory).chosen(student, limit), to)


@lab_task
def grade(_, job, on=None, inventory=None, student=None, limit=None, from_=None, deadlines=None, again=False):
    """Run each hand-in of an exercise on a clean stack: --job lesson04."""
    from streamlab.grading import grade as grading

    who = {"student": student, "limit": limit}
    grading.grade(load(inventory), job, on=on, **who, from_=from_, deadlines=deadlines, again=again)


@lab_task
def gradebook(_, job, to=None, format="plain", inventory=None, from_=None, deadlines=None):
    """Print and write a class's grades: --job lesson04 --to FILE.csv."""
    from streamlab.grading import gradebook as grades

    grades.report(load(inventory), job, to=to, format_=format, from_=from_, deadlines=deadlines)


@lab_task(seat=True)
def stop(_, job, inventory=None, student=None, limit=None, cluster=None):
    """End a running stream after its current batch."""
    from streamlab.work import stop as stopping

    stopping.stop_each(load(inventory, cluster).explicitly_chosen(student, limit), job)


@lab_task(seat=True)
def drill(_, name=None, answer=None, check=False, end=False, inventory=None, student=None, limit=None, cluster=None):
    """Begin a fault in a stack (--name), have it found (--answer), --end it."""
    from streamlab.drills import command

    command.run(load(inventory, cluster), student, limit, name=name, answer=answer, check=check, end=end)


@lab_task(seat=True)
def jobs(_):
    """List lessons, their steps and presets."""
    from streamlab.lessons import jobs as known

    known.show()


@lab_task(seat=True)
def bundle(_, job, to=None):
    """Write a job's zip and print its path and SHA-256."""
    from streamlab.lessons import bundle as bundles
    from streamlab.lessons import jobs as known

    found = known.find(job)[0]
    bundles.write(found.folder, to, found.exercise)


@lab_task(seat=True)
def status(_, inventory=None, student=None, limit=None, json=False, disk=False, cluster=None):
    """Show nodes, their health and memory, applications, and --disk."""
    from streamlab.stacks import status as looking

    lab = load(inventory, cluster)
    looking.report(lab, lab.chosen(student, limit), as_json=json, with_disk=disk)


@lab_task
def board(_, inventory=None, limit=None, port=8898):
    """Show the class in a browser: checks, health, streams, who needs help."""
    from streamlab.board import board as boards

    boards.board(load(inventory).chosen(None, limit), port=port)


@lab_task(seat=True)
def streams(_, inventory=None, student=None, limit=None, json=False, watch=False, cluster=None):
    """Show running streams in numbers: rates, lag, watermark, state."""
    from streamlab.work import streams as running

    running.report(load(inventory, cluster).chosen(student, limit), as_json=json, watch=watch)


@lab_task(seat=True)
def why(_, job=None, app=None, inventory=None, student=None, limit=None, json=False, cluster=None):
    """Say why an application stands still or failed, and what to do."""
    from streamlab.work import why as diagnoses

    diagnoses.report(load(inventory, cluster).explicitly_chosen(student, limit), job=job, app=app, as_json=json)


@lab_task(seat=True)
def links(_, inventory=None, student=None, cluster=None):
    """Print the pages to open."""
    from streamlab.work import look

    print(look.links(load(inventory, cluster).student(student)))


@lab_task
def cards(_, to=None, renew=None, inventory=None, student=None, limit=None):
    """Write a card to log in with for each student: --to cards.html."""
    from streamlab.gateway import cards as of_students

    of_students.cards(load(inventory), to=to, renew=renew, student=student, limit=limit)


@lab_task(seat=True)
def logs(_, inventory=None, student=None, node=None, app=None, lines=200, cluster=None):
    """Print the log of a node (--node kafka1) or an application (--app ID)."""
    from streamlab.work import look

    look.log(load(inventory, cluster).student(student), node=node, app=app, lines=lines)


@lab_task
def shell(_, inventory=None, student=None, node="edge", command=None):
    """Open a node's terminal, or run one --command there."""
    from streamlab.work import shell as shells

    return shells.shell(load(inventory).student(student), node, command)


@lab_task(words="file", seat=True)
def put(_, file, to="", inventory=None, student=None, limit=None, force=False, cluster=None):
    """Copy files or folders to the edge node or HDFS: FILE… --to PLACE."""
    from streamlab.work import files

    files.put_each(load(inventory, cluster).explicitly_chosen(student, limit), file, to, force=force)


@lab_task(words="path", seat=True)
def get(_, path, to="", inventory=None, student=None, limit=None, force=False, cluster=None):
    """Copy files or folders from the edge node or HDFS: PATH… --to DIR."""
    from streamlab.work import files

    files.get_each(load(inventory, cluster).explicitly_chosen(student, limit), path, to, force=force)


@lab_task
def notebook(_, inventory=None, student=None, stop=False):
    """Start JupyterLab on the edge node and print its address."""
    from streamlab.work import notebook as notebooks

    notebooks.notebook(load(inventory).student(student), stop=stop)


@lab_task
def suspend(_, inventory=None, student=None, limit=None, force=False, over_disk=False):
    """Stop stacks; data stay. With --over-disk only those that use too much."""
    from streamlab.stacks import suspend as suspending

    stop = suspending.suspend_over_disk if over_disk else suspending.suspend
    stop(load(inventory).chosen(student, limit), force=force)


@lab_task
def resume(_, inventory=None, student=None, limit=None):
    """Start suspended stacks again, and prove each service."""
    from streamlab.stacks import suspend as suspending

    suspending.resume(load(inventory).chosen(student, limit))


@lab_task
def snapshot(_, name=None, at=None, inventory=None, student=None, yes=False):
    """Keep all data of a stack: --name N, or --at lesson05 (its start)."""
    from streamlab.keeping import snapshot as keeping

    keeping.take(load(inventory).student(student), name=name, at=at, yes=yes)


@lab_task
def restore(_, name=None, at=None, inventory=None, student=None, limit=None, yes=False):
    """Bring stacks back to a snapshot, their own or another student's."""
    from streamlab.keeping import restore as restoring

    restoring.bring_back(load(inventory), name=name, at=at, student=student, limit=limit, yes=yes)


@lab_task
def move(_, inventory=None, student=None, limit=None, yes=False):
    """Bring stacks with their data to the Docker host the inventory names."""
    from streamlab.keeping import move as moving

    lab = load(inventory)
    moving.move(lab, lab.explicitly_chosen(student, limit), yes=yes)


@lab_task
def snapshots(_, inventory=None, remove=None, yes=False):
    """List the snapshots of a class, or --remove one."""
    from streamlab.keeping import snapshots as keeping

    keeping.remove(load(inventory), remove, yes=yes) if remove else keeping.report(load(inventory))


@lab_task
def destroy(_, inventory=None, student=None, limit=None, docker_host=None, take_over=False, yes=False):
    """Remove clusters: exactly what carries the lab's label."""
    from streamlab.stacks import destroy as destroying

    destroying.destroy(load(inventory), student, limit, docker_host, take_over=take_over, yes=yes)


@lab_task
def doctor(_, inventory=None):
    """Check this machine for problems, each with its fix."""
    from streamlab import doctor as doctors

    doctors.report(load(inventory))


@lab_task
def images(_, inventory=None):
    """Build the images that changed."""
    from streamlab.stacks import host_setup

    host_setup.build_images(load(inventory))


@lab_task
def export(_, to, inventory=None):
    """Pack images and packages for a room without internet: --to DIR."""
    from streamlab import offline

    offline.export(load(inventory), to)


@lab_task(name="import")
def import_(_, from_, inventory=None):
    """Take in what `invoke export` packed: --from DIR."""
    from streamlab import offline

    offline.import_(load(inventory), from_)


@lab_task
def lock(_, inventory=None):
    """Resolve images/versions.yml and requirements.in into locks again."""
    from streamlab.stacks import host_setup

    host_setup.renew_locks(load(inventory))


@lab_task
def train(_, inventory=None):
    """Find which classes each product loads, after `invoke lock`."""
    from streamlab.stacks import host_setup

    host_setup.train(load(inventory))


@lab_task
def bench(_, only=None, runs=0):  # a number, so that the option is parsed as one; 0 is each figure's own number
    """Measure speed and size (all, or --only NAME) against baselines."""
    from benchmarks import run

    run.bench(only, runs or None)


@lab_task
def test(_, only=None):
    """Run the ordinary tests, or --only KIND; some kinds take much longer."""
    from streamlab import testing

    testing.test(only)


namespace = with_words(Collection(
    demo, roster, capacity, provision, prove, submit, check, reset, fetch_output, new, exercise, hand_in, collect,
    grade, gradebook, stop, drill, jobs, bundle, status, board, streams, why, links, cards, logs, shell, put, get,
    notebook, suspend, resume, snapshot, restore, move, snapshots, destroy, doctor, images, export, import_, lock,
    train, bench, test,
))  # fmt: skip
