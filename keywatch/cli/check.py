"""`keywatch check`: can every source be reached, and what may it do there."""

from collections.abc import Iterable

import typer

from keywatch.cli.options import Config
from keywatch.model.errors import KeywatchError
from keywatch.model.source import Skipped

INCOMPLETE = 2


def check(config: Config = None) -> int:
    """
    Try every configured source, and say what holds and what is missing.

    Nothing is changed and nobody is told. Exit status: 0 all is well, 2 something is missing.
    """
    from keywatch.service.assembly import check_receiver, open_state, utc_now
    from keywatch.service.plan import plan
    from keywatch.settings.load import find, load

    path = find(config)
    settings = load(path)
    typer.echo(f"{path}: is well formed")
    missing = 0
    with open_state(settings) as state:
        typer.echo(f"{state.directory}: state directory, pepper {state.pepper.id}")
        sources = plan(settings, state.pepper, now=utc_now, patient=False)
        for source in sources:
            typer.echo(f"\n{source.id} ({source.role.value}, every {source.every})")
            try:
                missing += _show(source.build().check())
            except KeywatchError as error:
                missing += _show([Skipped("settings", error.message, error.hint)])
    if not sources:
        typer.echo("\nno source is configured: see the comments in the configuration")
        missing += 1
    typer.echo("\nalerts")
    missing += _show(check_receiver(settings))
    return INCOMPLETE if missing else 0


def _show(results: Iterable[str | Skipped]) -> int:
    missing = 0
    for result in results:
        if isinstance(result, Skipped):
            missing += 1
            typer.echo(f"  missing  {result.what}: {result.why}")
            if result.hint:
                typer.echo(f"           {result.hint}")
        else:
            typer.echo(f"  ok       {result}")
    return missing
