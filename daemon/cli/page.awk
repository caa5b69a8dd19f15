# The files named on the command line as C strings: page.css becomes page_css.
BEGIN { printf "#include \"cli/page.h\"\n" }
FNR == 1 {
	if (NR > 1)
		print "\t;"
	name = FILENAME
	sub(/.*\//, "", name)
	sub(/\./, "_", name)
	printf "\nconst char %s[] =\n", name
}
{
	gsub(/["\\]/, "\\\\&")
	printf "\t\"%s\\n\"\n", $0
}
END { print "\t;" }
