"""A nightly run in Prefect 3: tries again where that can help, fails at once where it cannot."""

from __future__ import annotations

import datetime
import json
import subprocess
from typing import Any

from prefect import flow, task

WORTH_ANOTHER_TRY = (69, 74, 75)


class RunFailedError(Exception):
    """A run that ended with an exit code other than 0."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(exit_code, message)
        self.exit_code = exit_code


def try_again(_task: Any, _run: Any, state: Any) -> bool:
    """Return whether another try can help."""
    try:
        state.result()
    except RunFailedError as error:
        return error.exit_code in WORTH_ANOTHER_TRY
    except Exception:
        return False
    return False


@task(retries=5, retry_delay_seconds=600, retry_condition_fn=try_again, timeout_seconds=8 * 3600)
def assess_city(scenario: str, out: str) -> str:
    """Return the run directory; a second try into the same one goes on where the first ended."""
    command = ["resilience", "run", scenario, "--out", out, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    told = json.loads(done.stdout)
    if done.returncode:
        raise RunFailedError(done.returncode, told["error"]["message"])
    return str(told["answer"]["run_directory"])


@flow
def resilience_nightly(scenario: str = "/etc/resilience/town.yaml", runs: str = "/var/lib/resilience/runs") -> str:
    """Assess the city."""
    return assess_city(scenario, f"{runs}/{datetime.datetime.now(datetime.UTC):%Y-%m-%d}")


if __name__ == "__main__":
    resilience_nightly.serve(name="nightly", cron="15 2 * * *")
