# Runs a server of folder $1 with the arguments that follow, until its standard input ends: also when the test that
# started it is killed. "kill" stops it as a crash would, "start" starts it again.
folder=$1
shift
start() {
  "$@" >>"$folder/log" 2>&1 </dev/null &
  server=$!
}
end() {
  kill -INT "$server" 2>/dev/null
  wait "$server"
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' HUP INT TERM
start "$@"
while read -r command; do
  case $command in
    kill)
      kill -QUIT "$server"
      wait "$server"
      echo killed
      ;;
    start)
      start "$@"
      ;;
  esac
done
