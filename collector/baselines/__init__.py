# SPDX-License-Identifier: Apache-2.0
"""Baselines as data: expected_services.yaml says what each class of device may offer without being asked why."""
