"""Print the code block of a Markdown file that has a given word: `readme_command.py FILE WORD`."""

import re
import sys
from pathlib import Path


def code_blocks(text: str) -> list[str]:
    """Fenced and indented blocks, without the shell's prompts."""
    fence = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
    fenced = fence.findall(text)
    indented = re.findall(r"(?:^(?: {4}|\t).*\n)+", fence.sub("", text), re.M)
    blocks = fenced + [re.sub(r"^(?: {4}|\t)", "", block, flags=re.M) for block in indented]
    return [re.sub(r"^\$ ", "", block, flags=re.M) for block in blocks]


def main() -> None:
    path, word = sys.argv[1:]
    found = [b for b in code_blocks(Path(path).read_text("utf-8")) if re.search(rf"\b{word}\b", b)]
    if not found:
        sys.exit(f"{path} has no block of code with {word!r} in it")
    print(found[0].strip())


if __name__ == "__main__":
    main()
