"""Runs the check of a signature that Callbacks.md shows: its first argument is that document's path."""

import re
import sys

document, secret, body, signature, now = sys.argv[1:]
with open(document, encoding="utf-8") as file:
    example = re.search(r"```python\n(.*?)```", file.read(), re.DOTALL).group(1)
names = {}
exec(compile(example, document, "exec"), names)
print(names["is_from_roost"](secret.encode(), body.encode(), signature, float(now)))
