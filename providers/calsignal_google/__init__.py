"""Google Calendar."""

from calsignal_google.connect import GoogleProvider

provider = GoogleProvider()
