#!/bin/sh
# A kernel of one's own: print the numbers from LO to HI that read the same backwards.
#     prefork job run command 1e6 --chunk 1e5 -- etc/examples/palindromes.sh {lo} {hi}
exec awk -v lo="$1" -v hi="$2" 'BEGIN {
    for (number = lo; number <= hi; number++) {
        backwards = ""
        for (digit = length(number); digit > 0; digit--)
            backwards = backwards substr(number, digit, 1)
        if (backwards == number "")
            print number
    }
}'
