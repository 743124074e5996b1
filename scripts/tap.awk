# SPDX-License-Identifier: GPL-2.0
# What selftests/guest/tests printed becomes TAP lines without numbers, a line of the time of each
# test, and its row in a table: kernel, group, test, verdict, tenths of a second.
#   awk -v kernel= -v group= -v label= -v tests= -v results= -f scripts/tap.awk LOG
# TESTS are those that were to run: what did not run to its end has failed.

function say(ok, what) {
	print (ok ? "ok" : "not ok") " - " label " " what
	bad = bad || !ok
}

# The end of the test NAME: its exit status, its time.
function finish(rc, tenths) {
	if (rc == 4)
		print "ok - " label " " name " # SKIP " last
	else if (rc != 0)
		say(0, name ": exit status " rc ": " why)
	else if (plan != "" && plan != n)
		say(0, name ": " n " of the " plan " that it promised")
	else if (!n)
		say(1, name)
	printf "# %s %s: %.1f s\n", label, name, tenths / 10
	row(rc == 4 ? "skip" : bad ? "fail" : "pass", tenths)
	if (bad)
		printf "%s", tail > "/dev/stderr"
	ended[name] = 1
	name = ""
}

function row(verdict, tenths) {
	printf "%s\t%s\t%s\t%s\t%d\n", kernel, group, name, verdict, tenths >> results
}

/^# BEGIN / {
	name = $3
	n = bad = 0
	plan = why = last = tail = ""
	next
}

/^# END / && name != "" {
	finish($4, $5)
	next
}

/^1\.\.[1-9]/ {
	plan = substr($1, 4)
}

/^ok / || /^not ok / {
	line = $0
	sub(/^(not )?ok [0-9]* *(- )?/, "", line)
	# Those of the runner have no number of the test's own.
	if ($0 !~ /^(not )?ok 0 /)
		n++
	say($0 ~ /^ok / || line ~ /# SKIP/, name ": " line)
}

# The first that sounds like a reason, for who sees nothing but the names of what failed.
!why && /NOT TRUE|[Ee]xpected|fail|FAIL|no answer|is .* should be|violations: .* [1-9]/ {
	why = $0
}

{
	last = $0
	tail = tail "  # " $0 "\n"
	if (length(tail) > 6000)
		tail = substr(tail, length(tail) - 5000)
}

END {
	if (name != "") {
		say(0, name ": did not end: " last)
		row("fail", 0)
		printf "%s", tail > "/dev/stderr"
		ended[name] = 1
	}
	split(tests, all, " ")
	for (i = 1; i in all; i++) {
		name = all[i]
		if (name in ended)
			continue
		say(0, name ": did not run")
		row("fail", 0)
	}
}
