"""Until when a request does what, in seconds since CloudFormation asked: it waits for an answer for an hour.

The order is that of time. What ends first leaves the time that the next needs.
"""

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html
CLOUDFORMATION_WAITS = 60 * 60

# Then also runs that are likely to end by themselves are asked for their tags.
BROAD_SEARCH = 20 * 60
# An earlier run that is still being cancelled then is cancelled again by the rollback.
END_EARLIER_RUNS = 50 * 60
# A run that is not where it is waited for is cancelled, and the reason is read from its log.
WAIT = 56 * 60
STOP_APPLICATION = 57 * 60
# What failed is not undone any longer, and no error is borne any longer: what is left is for the answer.
ANSWER = 58 * 60
