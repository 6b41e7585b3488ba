"""Shows some columns of a table, rounded: python show.py TABLE COLUMN[=SHORTER] ..."""

import sys

name, *columns = sys.argv[1:]
with open(name, encoding="utf-8") as stream:
    header, *rows = (line.rstrip("\n").split("\t") for line in stream)
places = [[cell.split(" ")[0] for cell in header].index(column.split("=")[0]) for column in columns]


def shown(cell: str) -> str:
    if cell in ("", "nan"):
        return "-"
    return f"{float(cell):.3g}" if "." in cell else cell


lines = [[column.split("=")[-1] for column in columns], *([shown(row[place]) for place in places] for row in rows)]
widths = [max(len(line[k]) for line in lines) for k in range(len(places))]
for line in lines:
    print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
