"""CloudFormation's stack operations as AWS runs them, in place of ministack's, which work on one resource at a time.

What the difference is, and what custom resources rely on: resources that do not depend on each other are in flight at
the same time; when one fails the others are cancelled at once, and what was in flight is undone too; a rollback sends
the old properties back; what an update replaced or removed is deleted when it has succeeded.
"""
