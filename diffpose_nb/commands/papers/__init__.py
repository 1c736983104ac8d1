"""What papers compare, run again on the example and on DeepFluoro, with the network that one of the methods needs."""
