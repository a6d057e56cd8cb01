# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves Keystone on a free port of loopback, which it names on its output, until its input ends.

python serve_keystone.py KEYSTONE.CONF, in an environment that holds Keystone and waitress.
"""

from __future__ import annotations

import os
import sys
import threading


def end_with_input() -> None:
    """End when whoever started this has ended, however that came."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serve."""
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = sys.argv[1]
    # Keystone takes the words of any command line for its own.
    del sys.argv[1:]
    # It also writes its log to the output, where nobody reads on once the port is known.
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    import waitress
    from keystone.common import sql
    from keystone.server import wsgi

    sql.enable_sqlite_foreign_key()
    server = waitress.create_server(wsgi.initialize_public_application(), host="127.0.0.1", port=0)
    with output:
        output.write(f"port {server.effective_port}\n")
    server.run()


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    main()
