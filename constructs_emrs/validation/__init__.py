"""What is wrong with arguments and requests, said so that the user can mend it. It knows no construct."""
