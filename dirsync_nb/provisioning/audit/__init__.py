"""The rules for data, before provisioning and after: which rows would be refused, which people not be reached.

Reading order: ``rulebook`` (the table of rules), ``rows`` (SCIM rows), ``directory`` (users of a directory).
"""

from ...client.calls import every_call
from .directory import check_directory
from .rows import check_rows
from .rulebook import FINDING_COLUMNS, GROUP_COLUMNS, LEVELS, RULES, USER_COLUMNS, VERDICTS, Audit, Rule, rules

__all__ = [
    "FINDING_COLUMNS",
    "GROUP_COLUMNS",
    "LEVELS",
    "RULES",
    "USER_COLUMNS",
    "VERDICTS",
    "Audit",
    "Rule",
    "check_directory",
    "check_rows",
    "rules",
]

every_call(__name__)
