"""YAML is parsed in C: DVC, which uses the same parser, reads dvc.lock and params.yaml again and again."""

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser


def test_yaml_is_parsed_in_c() -> None:
    assert issubclass(YAML(typ="safe").Parser, CParser)
