"""How many examples each property is tried with: a few in the suite, thousands in `make properties`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("short", max_examples=25, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("long", max_examples=400, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))
