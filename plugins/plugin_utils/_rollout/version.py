# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which version of the collection this is. Neither galaxy.yml nor MANIFEST.json lies beside the code in every installation."""

from __future__ import annotations

COLLECTION, VERSION = "hwc.mfa", "1.1.0"
