"""Who is compared with whom, where and when: from two data sets to pairs."""
