"""
Looking into what holds other files: archives, compressed files, mail, office documents, databases, PDF.

One module a format; `look` decides by magic bytes which of them reads what, and `limits` how much may come of it.
Nothing is ever written to disk, and no name inside an archive is ever used as one: it is only told.
"""
