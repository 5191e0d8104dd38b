# From a trace of "strace -f -y": a line for each place where a program can be struck: CALL NUMBER KIND FILE. The sweep's head says more.

# The names by which strike knows this call: its path arguments as they stand there, and the files behind its descriptors, but of a set of them.
function find_names(call, arguments,   rest, two) {
    split("", names)
    split("", known)
    sub(/\) += .*$/, "", arguments)
    if (call ~ /(at2?|statx)$/ && match(arguments, /^[^ ]*, "[^"]*"/)) {
        rest = substr(arguments, RSTART, RLENGTH)
        sub(/^[^"]*"/, "", rest)
        add(substr(rest, 1, length(rest) - 1))
        sub(/, ".*/, "", arguments)
    } else if (call ~ /^(getrandom|memfd_create|p?poll|p?select6?)$/) {
        return
    } else if (arguments ~ /^"/) {
        split(arguments, two, "\"")
        if (call !~ /^symlink/) add(two[2])
        if (call ~ /^(rename|link|symlink)/) add(two[4])
        return
    }
    while (match(arguments, /[0-9D]<[^>]*>/)) {
        add(substr(arguments, RSTART + 2, RLENGTH - 3))
        arguments = substr(arguments, RSTART + RLENGTH)
    }
}
function add(name) {
    if (name == "" || (name in known)) return
    known[name] = 1
    names[++names[0]] = name
}

{
    call = $2
    sub(/\(.*/, "", call)
}
call !~ /^[a-z0-9_]+$/ { next }
{
    kind = "reads"
    walk = ""
    find_names(call, substr($0, index($0, "(") + 1))
    number = ++count[$1, call]
    file = "-"
    for (i = 1; i <= names[0]; ++i) ++count[$1, call, names[i]]
    # Sockets, pipes and processes have other names in each run.
    if (names[0] && names[1] !~ /^(socket|pipe):|\/proc\/[0-9]/) {
        file = names[1]
        number = count[$1, call, file]
    }
}
match($0, /\/proc\/[0-9]+\/[a-z]*|\/sys\/dev\/char|\/sys\/class\/tty/) {
    walk = call substr($0, RSTART, RLENGTH)
    gsub(/[0-9]+/, "N", walk)
    if (walked[walk]++) kind = "walks"
}
call ~ /^(p?write(v|64)?|rename|link|symlink|unlink|mkdir|rmdir|f?chmod|f?chown|fsync|fdatasync|ftruncate|v?fork|clone|clone3|execve|flock|sendmsg|sendto|ioctl|kill)(at2?)?$/ { kind = "changes" }
call ~ /^open/ && /O_(WRONLY|RDWR|CREAT)/ { kind = "changes" }
kind == "changes" { split("", walked) }
# The first call is strace's own.
!begun++ { next }
!seen[call, number, file]++ { print call, number, kind, file }
