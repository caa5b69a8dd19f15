# Makes a manual page (mdoc) of PROTOCOL.md: `awk -v name=chancery-inner -v about=TEXT -v skip=REGEX -f page.awk`. Sections
# whose headings match skip are left out. Knows headings, tables, lists, paragraphs, `code` and **words**.
function text(s) {
	gsub(/\\/, "\\e", s)
	gsub(/`/, "", s)
	gsub(/\*\*/, "", s)
	gsub(/–/, "\\(en", s)
	sub(/^ +/, "", s)
	sub(/ +$/, "", s)
	if (s ~ /^[.']/)
		s = "\\&" s
	return s
}
# Lines of 78 characters at most; what begins like a macro gets something in front.
function wrap(s,   n, i, word, line) {
	n = split(s, word, " ")
	line = word[1]
	for (i = 2; i <= n; i++) {
		if (length(line) + 1 + length(word[i]) > 78) {
			print line
			line = (word[i] ~ /^[.']/ ? "\\&" : "") word[i]
		} else
			line = line " " word[i]
	}
	print line
}
# A new sentence, a new line: so the formatter knows where one ends.
function put(s,   at) {
	s = text(s)
	while ((at = match(s, /[A-Za-z0-9)_"][.?] [A-Z]/)) > 0) {
		wrap(substr(s, 1, at + 1))
		s = substr(s, at + 3)
	}
	if (s != "")
		wrap(s)
}
function flush() {
	if (held != "") {
		if (first_done && !in_list)
			print ".Pp"
		put(held)
		first_done = 1
	}
	held = ""
}
function list_end() {
	flush()
	if (in_list)
		print ".El"
	in_list = 0
}
BEGIN {
	print ".Dd November 21, 2026"
	print ".Dt " toupper(name) " 7"
	print ".Os"
	print ".Sh NAME"
	print ".Nm " name
	print ".Nd " about
	print ".Sh DESCRIPTION"
}
/^# / { next }
/^##+ / {
	list_end()
	heading = $0
	sub(/^#+ /, "", heading)
	sub(/^Fields$/, "Words of the tables", heading) # one letter from a section that every page may have
	if ($1 == "##")
		skipping = heading ~ skip
	if (skipping)
		next
	print ($1 == "##" ? ".Sh " toupper(text(heading)) : ".Ss " text(heading))
	first_done = 0
	next
}
skipping { next }
/^\|[-|]+\|$/ { next }
/^\|/ {
	flush()
	line = $0
	n = split(line, cell, "|")
	if (in_list != 2) {
		list_end()
		print ".Bl -tag -width Ds"
		in_list = 2
		titles = n
		for (i = 3; i < n; i++)
			title[i] = text(cell[i])
		next
	}
	print ".It " (text(cell[2]) == "" ? "-" : text(cell[2]))
	said = 0
	for (i = 3; i < n; i++) {
		if (text(cell[i]) == "")
			continue
		if (said)
			print ".Pp"
		if (titles > 4)
			print toupper(substr(title[i], 1, 1)) substr(title[i], 2) ":"
		put(cell[i])
		said = 1
	}
	next
}
/^\* / {
	flush()
	if (in_list != 1) {
		list_end()
		print ".Bl -bullet"
		in_list = 1
	}
	print ".It"
	held = substr($0, 3)
	next
}
/^$/ {
	if (in_list)
		list_end()
	else
		flush()
	next
}
{ held = held == "" ? $0 : held " " text($0) }
END {
	list_end()
	print ".Sh SEE ALSO"
	gsub(/ , /, " ,\n", also)
	print also
}
