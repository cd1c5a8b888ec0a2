from pathlib import Path

from dagster_project import resources
from dagster_project.command_line import main


def test_the_chosen_configuration_is_the_one_that_was_given(config: Path) -> None:
    main(["check-extract", str(config)])
    assert resources.chosen_config() == str(config)
