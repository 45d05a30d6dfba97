"""What is refused before training starts."""

from __future__ import annotations

import pytest
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.support import check_supported

pytestmark = pytest.mark.unit


def configuration(**entries) -> ConfigurationManager:
    return ConfigurationManager({"architecture": {}} | entries)


def test_a_configuration_without_a_previous_stage_is_supported():
    check_supported(configuration())


def test_a_cascades_second_stage_is_refused_by_name_with_the_way_out():
    with pytest.raises(DuCiSCError, match=r"second stage.*-tr nnUNetTrainerDuCiSC_supervised"):
        check_supported(configuration(previous_stage="3d_lowres"))
