"""Read deals out of the export of a CRM, whichever it is, or refuse them row by row with the reason. Pure."""

from calsignal.deals.columns import FIELDS
from calsignal.deals.days import DateOrder
from calsignal.deals.money import CURRENCIES
from calsignal.deals.reading import Choices, Reading, Remark, read_deals

__all__ = ["CURRENCIES", "FIELDS", "Choices", "DateOrder", "Reading", "Remark", "read_deals"]
