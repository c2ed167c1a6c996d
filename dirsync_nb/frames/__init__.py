"""Records to DataFrames with declared columns.

Reading order: ``schema`` (the columns), ``records`` (how a record becomes a row), ``json_array`` (what records
nest), ``builder`` (pages to one frame), ``tools`` (records in, frame out; frames put together), ``reshape``
(what is nested, spread), ``partial`` and ``checks`` (what is refused), ``dictionary`` and ``shown`` (frames as
people read them).

A notebook typesets what stands between two dollar signs in a DataFrame, and names of a directory are other
people's typing. So with this package the pandas option ``display.html.use_mathjax`` is off; who wants formulas
in tables sets it again. And where ``to_sql`` or ``to_excel`` cannot take a frame, the error says what to call
(``writers``).
"""

import pandas as pd

from ..client import calls
from .writers import add_hints

pd.set_option("display.html.use_mathjax", False)
add_hints()
__all__ = calls.front_door(__name__, __file__)
