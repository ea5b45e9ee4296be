# SPDX-License-Identifier: Apache-2.0
"""`python -m consumer`: the same as the command `hangtag`."""

from consumer.cli import main

if __name__ == "__main__":
    main()
