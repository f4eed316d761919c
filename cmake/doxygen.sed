# The headers' comments are plain ones: this makes them Doxygen's on the way in.
# The first comment of a file is the file's.
1 s,^// ,/// \\file\n/// ,
# Headings between groups of members belong to none of them.
/^ *\/\/ --/ {
  :heading
  n
  /^ *\/\// b heading
}
s,^( *)//( |$),\1///\2,
s,([;{\,)] +|[;{\,)])//( ),\1///<\2,
