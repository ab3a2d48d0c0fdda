"""Reads calendars from iCalendar files, folders of files and https feeds."""

from calsignal_ics.connect import IcsProvider

provider = IcsProvider()
