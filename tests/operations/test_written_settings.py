"""What an operator writes by hand is understood as it was meant."""

from __future__ import annotations

from pathlib import Path

from tests.operations.test_settings import understood


def test_a_list_may_have_spaces_after_its_commas(tmp_path: Path) -> None:
    *_before, hosts, networks = understood(
        tmp_path, ALLOWED_HOSTS="learn.example.org, www.example.org", WARM_NETWORKS=" resnet18 , vit_b_16,"
    )
    assert hosts == ["learn.example.org", "www.example.org"]
    assert networks == ["resnet18", "vit_b_16"]
