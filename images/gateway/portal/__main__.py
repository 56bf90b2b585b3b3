from portal.server import main

main()
