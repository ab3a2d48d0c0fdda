"""Read calendars from iCalendar files, folders of files and https feeds."""
