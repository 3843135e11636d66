"""Where jobs run: applications, their settings, and the rules of both."""
