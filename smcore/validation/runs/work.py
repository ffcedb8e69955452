"""All the work of a plan: in this process or in others, from the beginning or from where a run was stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from smcore.distributed import Workers, compute
from smcore.progress import Cancel, Progress, check, never, quiet
from smcore.progress import part as share_of
from smcore.validation.runs.part_files import PartFiles
from smcore.validation.runs.plan import Part, Plan, Task
from smcore.validation.runs.request import Request, work_on


def all_parts(
    plan: Plan,
    request: Request,
    *,
    workers: Workers | None = None,
    keep: Path | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> list[Part]:
    """Do every task of a plan that is not done yet, and give the parts in the order of the tasks.

    Parameters
    ----------
    request
        What the plan was made of.
    workers
        Where it is done; here if left out.
    keep
        Folder of the result, beside which finished parts are kept and looked for; None keeps none.

    Raises
    ------
    SmcoreError
        If a scheduler can't be reached, or parts can't be kept.
    Cancelled
        If the user asked to stop; what was finished is kept.
    """
    tasks = plan.tasks()
    files = None if keep is None else PartFiles(keep, request.key)
    found: dict[int, Part] = {}
    if files is not None:
        kept = ((i, files.get(i, task)) for i, task in enumerate(tasks))
        found = {i: part for i, part in kept if part is not None}
    left = [i for i in range(len(tasks)) if i not in found]
    failed: set[int] = set()
    progress = share_of(progress, len(found) / max(len(tasks), 1), 1.0)
    if workers is None or workers.is_here:
        done = _here(plan, tasks, left, progress, cancelled)
    else:
        done = _elsewhere(plan, tasks, left, request, workers, failed, progress, cancelled)
    for number, part in done:
        if files is not None and number not in failed:
            files.put(number, part)
        found[number] = part
    return [found[i] for i in range(len(tasks))]


def _here(
    plan: Plan, tasks: Sequence[Task], left: Sequence[int], progress: Progress, cancelled: Cancel
) -> Iterator[tuple[int, Part]]:
    for done, number in enumerate(left):
        check(cancelled)
        task = tasks[number]
        first = plan.matches[task.matches[0]]
        product = first.product.name if len(task.matches) == 1 else f"{len(task.matches)} products"
        progress(done / len(left), f"{product}: {task.rows[0]} of {len(first.places)} locations")
        yield number, plan.work(task)


def _elsewhere(
    plan: Plan, tasks: Sequence[Task], left: Sequence[int], request: Request, workers: Workers, failed: set[int],
    progress: Progress, cancelled: Cancel,
) -> Iterator[tuple[int, Part]]:  # fmt: skip
    def stand_in(number: int, why: str) -> Part:
        failed.add(number)
        return plan.failed(tasks[number], why)

    if left:
        yield from compute(
            work_on, request.text, left, workers=workers, failed=stand_in, progress=progress, cancelled=cancelled
        )
