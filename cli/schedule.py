"""The command that keeps the daily jobs running."""

import contextlib

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: pregao schedule")(schedule)


def schedule(json: JsonOption = False) -> None:
    """Run the jobs of the day after the close, and the week's review, one at a time, until Ctrl-C."""
    from flows.jobs import JOBS
    from flows.prefect_server import prefect_server

    home = find_home()
    with prefect_server(home) as api:
        from flows.schedule import ALERTS, serve_jobs

        jobs = [{"name": job.name, "cron": job.cron, "command": " ".join(job.command)} for job in JOBS]
        lines = [f"{job['cron']:16} {job['name']}" for job in jobs]
        alerts = home.logs / ALERTS
        answer(json, {"jobs": jobs, "prefect": api, "alerts": str(alerts)}, [*lines, f"Prefect: {api} (Ctrl-C ends)"])
        with contextlib.suppress(KeyboardInterrupt):
            serve_jobs(home)
