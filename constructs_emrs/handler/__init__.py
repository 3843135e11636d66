"""The Lambda side of the custom resources: the Python standard library and botocore only.

At synth this folder becomes the functions' asset, as the package `handler`, with a copy of the installed
botocore's `emr-serverless` service model beside it in `data/`.
"""
