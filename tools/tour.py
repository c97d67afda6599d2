"""Run examples/tour.ipynb as Jupyter does, and compare with the outputs that it holds.

    python tools/tour.py            # status 1 if an output has changed
    python tools/tour.py --write    # keep the new outputs

Numbers in the outputs of cells with the tag `measured` are times, or come from the rounding of the
machine's BLAS: they may differ. Needs nbclient, ipykernel, ipywidgets and matplotlib.
"""

import base64
import io
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

PATH = Path(__file__).parent.parent / "examples" / "tour.ipynb"
WIDGET = "application/vnd.jupyter.widget-view+json"


def run(notebook):
    """Return the notebook with the outputs of a run of it, and the number of its progress bars."""
    fresh = nbformat.from_dict(notebook)
    client = NotebookClient(
        fresh, coalesce_streams=True, record_timing=False, store_widget_state=False
    )
    client.execute(cwd=PATH.parent)
    bars = 0
    for cell in fresh.cells:
        if cell.cell_type == "code":
            kept = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
            bars += len(cell.outputs) - len(kept)  # gone where they were shown: nothing to keep
            cell.outputs = kept
            for output in kept:
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = smaller(output.data["image/png"])
    return fresh, bars


def smaller(picture):
    """Return a picture with 256 colours: a third of the bytes, and the same to the eye."""
    stored = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.quantize(256, Image.Quantize.MAXCOVERAGE).save(stored, "png", optimize=True)
    return base64.b64encode(stored.getvalue()).decode()


def texts(cell):
    """Return what must not change: all of a code cell's outputs but the pictures' pixels."""
    for output in cell.outputs:
        data = output.get("data", {"text/plain": output.get("text", output.get("evalue"))})
        if "image/png" in data:
            yield "a picture"
            continue
        for _, content in sorted(data.items()):
            text = "".join(content)
            if "measured" in cell.metadata.get("tags", ()):
                text = re.sub(r" *\d[\d.,]*", " #", text)
            yield re.sub(r"seconds=[\d.e-]+", "seconds=#", text)


def main(write):
    kept = nbformat.read(PATH, as_version=4)
    fresh, bars = run(kept)
    assert bars, "progress=True has shown no bar of the notebook's"
    changed = 0
    for old, new in zip(kept.cells, fresh.cells, strict=True):
        if new.cell_type == "code" and list(texts(old)) != list(texts(new)):
            changed += 1
            print(f"--- {new.id}", *texts(old), f"+++ {new.id}", *texts(new), sep="\n")
    fresh.metadata.language_info = {"name": "python"}  # and not which version ran it
    if write:
        nbformat.write(fresh, PATH)
    print(f"{len(fresh.cells)} cells, {changed} of them with other outputs")
    return 1 if changed and not write else 0


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
